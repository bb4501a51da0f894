// Alarms of MOA's detectors, with their defaults, on streams from a file.
// java -cp moa.jar:. Alarms streams.bin N LENGTH alarms.txt CLASS...
// streams.bin holds N streams of LENGTH doubles, big-endian; a line of alarms.txt is the class, the
// stream's number, and the indices of its alarms.
import java.io.*;
import java.nio.*;
import java.nio.file.*;
import moa.classifiers.core.driftdetection.AbstractChangeDetector;

public class Alarms {
    public static void main(String[] args) throws Exception {
        DoubleBuffer values = ByteBuffer.wrap(Files.readAllBytes(Paths.get(args[0]))).asDoubleBuffer();
        int n = Integer.parseInt(args[1]), length = Integer.parseInt(args[2]);
        try (PrintWriter out = new PrintWriter(args[3])) {
            for (int c = 4; c < args.length; c++) {
                Class<?> kind = Class.forName("moa.classifiers.core.driftdetection." + args[c]);
                for (int s = 0; s < n; s++) {
                    AbstractChangeDetector d =
                        (AbstractChangeDetector) kind.getDeclaredConstructor().newInstance();
                    d.resetLearning();
                    StringBuilder line = new StringBuilder(args[c] + " " + s);
                    for (int i = 0; i < length; i++) {
                        d.input(values.get(s * length + i));
                        if (d.getChange()) line.append(' ').append(i);
                    }
                    out.println(line);
                }
            }
        }
    }
}
