import com.github.javacliparser.ClassOption;
import com.yahoo.labs.samoa.instances.Attribute;
import com.yahoo.labs.samoa.instances.DenseInstance;
import com.yahoo.labs.samoa.instances.Instance;
import com.yahoo.labs.samoa.instances.Instances;
import com.yahoo.labs.samoa.instances.InstancesHeader;
import java.io.IOException;
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
 * <p>Arguments: file of rows, file for predictions, number of passes, the learner as MOA's command line has it, its
 * random seed, optionally "bytes". The file of rows is little-endian: int32 n, d, k, then per feature int32 the number of its
 * values (0 if numeric), then n rows of d + 1 float64, the label last. The predictions (one byte each) are those of
 * the last pass; each pass starts with a new learner, so only the first one is cold.
 *
 * <p>Prints a line per pass: its nanoseconds by the clock, and those of CPU time of its thread, which leave out
 * Java's compiler and garbage collector. With "bytes" a last line says by how much the heap shrinks, garbage
 * collected, when the learner is dropped.
 */
public final class LearnerLoop {
    private LearnerLoop() {}

    private static Classifier learner;

    public static void main(String[] args) throws Exception {
        Instance[] rows = rows(Path.of(args[0]));
        byte[] predicted = new byte[rows.length];
        for (int pass = 0; pass < Integer.parseInt(args[2]); pass++) {
            learner = (Classifier) ClassOption.cliStringToObject(args[3], Classifier.class, null);
            learner.setRandomSeed(Integer.parseInt(args[4])); // ensembles have no option for it
            learner.setModelContext((InstancesHeader) rows[0].dataset());
            learner.prepareForUse();
            System.out.println(testThenTrain(learner, rows, predicted));
        }
        try (OutputStream out = Files.newOutputStream(Path.of(args[1]))) {
            out.write(predicted);
        }
        if (args.length > 5) {
            long with = heap();
            learner = null;
            System.out.println(with - heap());
        }
    }

    /** Returns the nanoseconds by the clock and of CPU time. */
    private static String testThenTrain(Classifier learner, Instance[] rows, byte[] predicted) {
        ThreadMXBean clock = ManagementFactory.getThreadMXBean();
        long wall = System.nanoTime();
        long cpu = clock.getCurrentThreadCpuTime();
        for (int i = 0; i < rows.length; i++) {
            predicted[i] = (byte) Utils.maxIndex(learner.getVotesForInstance(rows[i]));
            learner.trainOnInstance(rows[i]);
        }
        cpu = clock.getCurrentThreadCpuTime() - cpu;
        return (System.nanoTime() - wall) + " " + cpu;
    }

    private static long heap() {
        Runtime runtime = Runtime.getRuntime();
        System.gc();
        return runtime.totalMemory() - runtime.freeMemory();
    }

    private static Instance[] rows(Path path) throws IOException {
        ByteBuffer raw = ByteBuffer.wrap(Files.readAllBytes(path)).order(ByteOrder.LITTLE_ENDIAN);
        Instance[] rows = new Instance[raw.getInt()];
        int d = raw.getInt();
        int k = raw.getInt();
        List<Attribute> attributes = new ArrayList<>();
        for (int j = 0; j < d; j++) {
            int values = raw.getInt();
            attributes.add(values == 0 ? new Attribute("x" + j) : new Attribute("x" + j, names(values)));
        }
        attributes.add(new Attribute("class", names(k)));
        Instances stream = new Instances("stream", attributes, 0);
        stream.setClassIndex(d);
        InstancesHeader header = new InstancesHeader(stream); // one for all rows: setDataset would make one for each
        for (int i = 0; i < rows.length; i++) {
            double[] values = new double[d + 1];
            for (int j = 0; j <= d; j++) {
                values[j] = raw.getDouble();
            }
            rows[i] = new DenseInstance(1.0, values);
            rows[i].setDataset(header);
        }
        return rows;
    }

    private static List<String> names(int n) {
        List<String> names = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            names.add("v" + i);
        }
        return names;
    }
}
