// Writes alarms.json, with the jar of MOA 2024.07.2-SNAPSHOT:
// javac -cp moa.jar Record.java; java -cp moa.jar:. Record > alarms.json
import java.util.*;
import moa.classifiers.core.driftdetection.*;
public class Record {
    // The values are exact in double: a linear congruential generator, 48 bits, as java.util.Random's.
    static double[] values(long seed, int n, boolean bits) {
        Random r = new Random(seed);
        double[] xs = new double[n];
        for (int i = 0; i < n; i++) {
            double rate = (i / (n / 6)) % 2 == 1 ? 0.45 : 0.1;
            double u = r.nextDouble();
            xs[i] = bits ? (u < rate ? 1.0 : 0.0) : u + ((i / (n / 6)) % 2 == 1 ? 1.0 : 0.0);
        }
        return xs;
    }
    static void set(Object d, String field, double v) throws Exception {
        Object o = d.getClass().getField(field).get(d);
        if (o instanceof com.github.javacliparser.IntOption) ((com.github.javacliparser.IntOption) o).setValue((int) v);
        else ((com.github.javacliparser.FloatOption) o).setValue(v);
    }
    static boolean first = true;
    static void record(String kind, AbstractChangeDetector d, String given, boolean bits, long seed, int n) {
        double[] xs = values(seed, n, bits);
        StringBuilder a = new StringBuilder(), w = new StringBuilder();
        boolean was = false;
        for (int i = 0; i < n; i++) {
            d.input(xs[i]);
            if (d.getChange()) a.append(a.length() > 0 ? "," : "").append(i);
            boolean now = d.getWarningZone();
            if (now != was) w.append(w.length() > 0 ? "," : "").append(i);
            was = now;
        }
        System.out.println((first ? "" : ",\n") + " {\"kind\":\"" + kind + "\",\"given\":" + given + ",\"bits\":" + bits + ",\"seed\":" + seed
            + ",\"n\":" + n + ",\"alarms\":[" + a + "],\"warning_flips\":[" + w + "]}");
        first = false;
    }
    public static void main(String[] args) throws Exception {
        System.out.println("[");
        for (long seed = 1; seed <= 3; seed++) {
            for (boolean bits : new boolean[]{true, false}) {
                CusumDM c = new CusumDM(); set(c, "lambdaOption", 10); c.resetLearning();
                record("cusum", c, "{\"threshold\":10.0}", bits, seed, 12000);
                GeometricMovingAverageDM g = new GeometricMovingAverageDM(); set(g, "lambdaOption", 0.15); g.resetLearning();
                record("geometric_moving_average", g, "{\"threshold\":0.15}", bits, seed, 12000);
                SEEDChangeDetector s = new SEEDChangeDetector();
                record("seed", s, "{}", bits, seed, 12000);
                s = new SEEDChangeDetector(); set(s, "compressTermSEEDOption", 50); set(s, "epsilonPrimeSEEDOption", 0.0025);
                record("seed", s, "{\"epsilon_prime\":0.0025,\"compress_term\":50}", bits, seed, 60000);
            }
            record("rddm", new RDDM(), "{}", true, seed, 12000);
            record("rddm", new RDDM(), "{}", true, seed, 60000);
            RDDM r = new RDDM(); set(r, "maxSizeConceptOption", 900); set(r, "minSizeStableConceptOption", 300); set(r, "warnLimitOption", 100);
            record("rddm", r, "{\"max_concept_size\":900,\"min_stable_size\":300,\"warning_limit\":100}", true, seed, 12000);
            record("stepd", new STEPD(), "{}", true, seed, 12000);
            EWMAChartDM e = new EWMAChartDM(); e.resetLearning();
            record("ecdd", e, "{}", true, seed, 12000);
        }
        System.out.println("]");
    }
}
