import com.github.javacliparser.ClassOption;
import com.yahoo.labs.samoa.instances.Instance;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import moa.streams.ExampleStream;

/**
 * Rows of MOA's stream generators.
 *
 * <p>{@code GeneratorRows write "generators.SEAGenerator -f 2" N FILE} writes N rows as little-endian float64, the
 * class last. {@code GeneratorRows time "generators.SEAGenerator -f 2" N PASSES} prints the nanoseconds of each
 * pass over N rows. {@code GeneratorRows random SEED N FILE} writes N times: nextDouble, nextGaussian, nextInt(3),
 * nextInt(64), nextInt(2^30 + 1), nextBoolean.
 */
public final class GeneratorRows {
    private GeneratorRows() {}

    static double sum;

    public static void main(String[] args) throws Exception {
        int n = Integer.parseInt(args[2]);
        if (args[0].equals("random")) {
            random(Long.parseLong(args[1]), n, Path.of(args[3]));
        } else if (args[0].equals("write")) {
            write(stream(args[1]), n, Path.of(args[3]));
        } else {
            ExampleStream<?> stream = stream(args[1]);
            for (int pass = 0; pass < Integer.parseInt(args[3]); pass++) {
                long start = System.nanoTime();
                double sum = 0.0;
                for (int i = 0; i < n; i++) {
                    Instance row = (Instance) stream.nextInstance().getData();
                    sum += row.value(0) + row.classValue(); // so that nothing is left out
                }
                System.out.println(System.nanoTime() - start);
                GeneratorRows.sum += sum;
            }
        }
    }

    private static ExampleStream<?> stream(String command) throws Exception {
        Object made = ClassOption.cliStringToObject(command, ExampleStream.class, null);
        ((moa.options.AbstractOptionHandler) made).prepareForUse();
        return (ExampleStream<?>) made;
    }

    private static void write(ExampleStream<?> stream, int n, Path path) throws IOException {
        try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(path), 1 << 20)) {
            int d = stream.getHeader().numAttributes() - 1;
            ByteBuffer bytes = ByteBuffer.allocate(8 * (d + 1)).order(ByteOrder.LITTLE_ENDIAN);
            for (int i = 0; i < n; i++) {
                Instance row = (Instance) stream.nextInstance().getData();
                bytes.clear();
                for (int j = 0; j < d; j++) {
                    bytes.putDouble(row.value(j));
                }
                bytes.putDouble(row.classValue());
                out.write(bytes.array());
            }
        }
    }

    private static void random(long seed, int n, Path path) throws IOException {
        Random random = new Random(seed);
        try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(path), 1 << 20)) {
            ByteBuffer bytes = ByteBuffer.allocate(48).order(ByteOrder.LITTLE_ENDIAN);
            for (int i = 0; i < n; i++) {
                bytes.clear();
                bytes.putDouble(random.nextDouble()).putDouble(random.nextGaussian());
                bytes.putDouble(random.nextInt(3)).putDouble(random.nextInt(64));
                bytes.putDouble(random.nextInt((1 << 30) + 1)).putDouble(random.nextBoolean() ? 1 : 0);
                out.write(bytes.array());
            }
        }
    }
}
