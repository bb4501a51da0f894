import com.yahoo.labs.samoa.instances.Attribute;
import com.yahoo.labs.samoa.instances.DenseInstance;
import com.yahoo.labs.samoa.instances.Instance;
import com.yahoo.labs.samoa.instances.Instances;
import com.yahoo.labs.samoa.instances.InstancesHeader;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import moa.classifiers.trees.HoeffdingTree;
import moa.core.Utils;

/**
 * Test-then-train loop of MOA's Hoeffding tree over rows held in memory.
 *
 * <p>Arguments: file of rows, file for predictions, number of passes. The file is little-endian: int32 n, d, k,
 * then per feature int32 the number of its values (0 if numeric), then n rows of d + 1 float64, the label last.
 * Prints the nanoseconds of each pass; each pass starts with a new tree, so only the first one is cold. The
 * predictions (one byte each) are those of the last pass.
 */
public final class PrequentialLoop {
    private PrequentialLoop() {}

    public static void main(String[] args) throws IOException {
        ByteBuffer raw = ByteBuffer.wrap(Files.readAllBytes(Path.of(args[0]))).order(ByteOrder.LITTLE_ENDIAN);
        int n = raw.getInt();
        int d = raw.getInt();
        int k = raw.getInt();
        ArrayList<Attribute> attributes = new ArrayList<>();
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
        for (int pass = 0; pass < Integer.parseInt(args[2]); pass++) {
            HoeffdingTree tree = new HoeffdingTree();
            tree.setModelContext(new InstancesHeader(header));
            tree.prepareForUse();
            long start = System.nanoTime();
            for (int i = 0; i < n; i++) {
                predicted[i] = (byte) Utils.maxIndex(tree.getVotesForInstance(rows[i]));
                tree.trainOnInstance(rows[i]);
            }
            System.out.println(System.nanoTime() - start);
            System.err.println(tree.getNodeCount() + " nodes, depth " + tree.measureTreeDepth());
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
