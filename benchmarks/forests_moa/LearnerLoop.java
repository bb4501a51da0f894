import com.yahoo.labs.samoa.instances.Attribute;
import com.yahoo.labs.samoa.instances.DenseInstance;
import com.yahoo.labs.samoa.instances.Instance;
import com.yahoo.labs.samoa.instances.Instances;
import com.yahoo.labs.samoa.instances.InstancesHeader;
import com.github.javacliparser.ClassOption;
import java.io.OutputStream;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import moa.classifiers.Classifier;
import moa.core.Utils;

/**
 * Test-then-train loop of any classifier of MOA over rows held in memory.
 *
 * <p>Arguments: file of rows, file for predictions, number of passes, the learner as MOA's command line has it. The
 * files are those of {@code PrequentialLoop}. Prints the nanoseconds of CPU time of each pass, without those of Java's
 * compiler and garbage collector; each pass starts with a new learner.
 */
public final class LearnerLoop {
    private LearnerLoop() {}

    public static void main(String[] args) throws Exception {
        ByteBuffer raw = ByteBuffer.wrap(Files.readAllBytes(Path.of(args[0]))).order(ByteOrder.LITTLE_ENDIAN);
        int n = raw.getInt();
        int d = raw.getInt();
        int k = raw.getInt();
        List<Attribute> attributes = new ArrayList<>();
        for (int j = 0; j < d; j++) {
            int values = raw.getInt();
            attributes.add(values == 0 ? new Attribute("x" + j) : new Attribute("x" + j, names(values)));
        }
        attributes.add(new Attribute("class", names(k)));
        Instances header = new Instances("stream", attributes, 0);
        header.setClassIndex(d);
        Instance[] rows = new Instance[n];
        for (int i = 0; i < n; i++) {
            double[] values = new double[d + 1];
            for (int j = 0; j <= d; j++) {
                values[j] = raw.getDouble();
            }
            rows[i] = new DenseInstance(1.0, values);
            rows[i].setDataset(header);
        }
        byte[] predicted = new byte[n];
        ThreadMXBean clock = ManagementFactory.getThreadMXBean();
        for (int pass = 0; pass < Integer.parseInt(args[2]); pass++) {
            Classifier learner = (Classifier) ClassOption.cliStringToObject(args[3], Classifier.class, null);
            learner.setModelContext(new InstancesHeader(header));
            learner.prepareForUse();
            long start = clock.getCurrentThreadCpuTime();
            for (int i = 0; i < n; i++) {
                predicted[i] = (byte) Utils.maxIndex(learner.getVotesForInstance(rows[i]));
                learner.trainOnInstance(rows[i]);
            }
            System.out.println(clock.getCurrentThreadCpuTime() - start);
        }
        try (OutputStream out = Files.newOutputStream(Path.of(args[1]))) {
            out.write(predicted);
        }
    }

    private static List<String> names(int n) {
        List<String> names = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            names.add("v" + i);
        }
        return names;
    }
}
