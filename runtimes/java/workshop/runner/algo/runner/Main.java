package algo.runner;

import algo.runner.Frames.Frame;
import algo.runner.Frames.ProtocolError;
import java.io.EOFException;
import java.io.IOException;
import java.io.PrintStream;
import java.util.List;
import java.util.Map;
import sun.misc.Signal;
import sun.misc.SignalHandler;

/** The runner's process: says hello, then serves until the gateway closes its end. */
public final class Main {
    static final int PROTOCOL = 1;
    private static final int EXIT_PROTOCOL = 76; // EX_PROTOCOL of sysexits.h

    private static final PrintStream SAID = System.err; // before user code's is captured

    private Main() {}

    public static void main(String[] given) throws Throwable {
        try { // of another language, the compiled program knows how it is called
            Class.forName("AlgoMain").getMethod("main", String[].class).invoke(null, (Object) given);
        } catch (ClassNotFoundException error) {
            run(new Java());
        }
    }

    /** Serve an algorithm of `language`; does not return. */
    public static void run(Language language) {
        Signal.handle(new Signal("INT"), SignalHandler.SIG_IGN); // the gateway decides on Ctrl-C
        guarded(() -> serve(language));
    }

    /** What the runner does by itself. */
    interface Action {
        void run() throws Exception;
    }

    /** Do something; where the runner itself fails the process ends, as nobody would answer. */
    static void guarded(Action action) {
        try {
            action.run();
        } catch (ProtocolError error) {
            SAID.println("runner: " + error.getMessage());
            System.exit(EXIT_PROTOCOL);
        } catch (EOFException error) {
            System.exit(0); // the gateway is gone
        } catch (Throwable error) {
            error.printStackTrace(SAID);
            System.exit(1);
        }
    }

    private static void serve(Language language) throws IOException {
        var frames = Frames.ofPipes();
        Frame first = frames.read();
        if (!first.type().equals("hello") || first.number("protocol") != PROTOCOL) {
            throw new ProtocolError("the first frame is hello of protocol " + PROTOCOL);
        }
        frames.write(Map.of("type", "hello", "protocol", PROTOCOL, "language", language.name(),
                "capabilities", List.of("describe")));
        var worker = new Worker(language, frames, Hello.of(first.header()));
        while (true) {
            worker.handle(frames.read());
        }
    }
}
