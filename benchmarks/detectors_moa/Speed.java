// Nanoseconds a value of one of MOA's detectors, with its defaults.
// java -cp moa.jar:. Speed values.bin PASSES CLASS
// values.bin holds doubles, big-endian; prints a line for each pass, which begins with a new detector.
import java.nio.*;
import java.nio.file.*;
import moa.classifiers.core.driftdetection.AbstractChangeDetector;

public class Speed {
    public static void main(String[] args) throws Exception {
        DoubleBuffer read = ByteBuffer.wrap(Files.readAllBytes(Paths.get(args[0]))).asDoubleBuffer();
        double[] values = new double[read.remaining()];
        read.get(values);
        Class<?> kind = Class.forName("moa.classifiers.core.driftdetection." + args[2]);
        for (int pass = 0; pass < Integer.parseInt(args[1]); pass++) {
            AbstractChangeDetector d =
                (AbstractChangeDetector) kind.getDeclaredConstructor().newInstance();
            d.resetLearning();
            long start = System.nanoTime(), alarms = 0;
            for (double x : values) {
                d.input(x);
                if (d.getChange()) alarms++;
            }
            System.out.println((System.nanoTime() - start) / (double) values.length + " " + alarms);
        }
    }
}
