package algo.runner;

import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

/** What user code prints becomes `log` frames, line by line, with the call that printed it. */
final class Capture {
    private static final int LONGEST = 1 << 16;

    /** The call that this thread answers; threads that it starts print for it, too. */
    private final InheritableThreadLocal<Long> call = new InheritableThreadLocal<>();
    private final Frames frames;
    private final Lines out = new Lines("stdout");
    private final Lines err = new Lines("stderr");

    /** Take over the streams of the process. */
    Capture(Frames frames) {
        this.frames = frames;
        System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
        System.setErr(new PrintStream(err, true, StandardCharsets.UTF_8));
    }

    /** What this thread prints from now on is of a call; of none when it is null. */
    void of(Long id) {
        if (id == null) {
            call.remove();
        } else {
            call.set(id);
        }
    }

    /** Send what a call printed last, without a new line. */
    void end(Long id) {
        System.out.flush();
        System.err.flush();
        out.end(id);
        err.end(id);
    }

    private final class Lines extends OutputStream {
        private final String stream;
        private final Map<Long, ByteArrayOutputStream> rests = new HashMap<>(); // by call

        Lines(String stream) {
            this.stream = stream;
        }

        @Override
        public void write(int one) {
            write(new byte[] {(byte) one}, 0, 1);
        }

        @Override
        public synchronized void write(byte[] data, int offset, int length) {
            Long id = call.get();
            int end = offset + length;
            while (end > offset && data[end - 1] != '\n') {
                end--;
            }
            if (end > offset) {
                var rest = rests.remove(id);
                if (rest == null) {
                    send(id, data, offset, end - 1);
                } else {
                    rest.write(data, offset, end - 1 - offset);
                    send(id, rest.toByteArray(), 0, rest.size());
                }
            }
            if (end < offset + length) {
                var rest = rests.computeIfAbsent(id, key -> new ByteArrayOutputStream());
                rest.write(data, end, offset + length - end);
                if (rest.size() > LONGEST) {
                    end(id);
                }
            }
        }

        synchronized void end(Long id) {
            var rest = rests.remove(id);
            if (rest != null) {
                send(id, rest.toByteArray(), 0, rest.size());
            }
        }

        /** Send whole lines, in pieces that a frame takes. */
        private void send(Long id, byte[] data, int at, int end) {
            var header = new HashMap<String, Object>();
            header.put("type", "log");
            header.put("stream", stream);
            header.put("call", id);
            do {
                int until = Math.min(at + LONGEST, end);
                if (until < end) {
                    int line = until;
                    while (line > at && data[line] != '\n') {
                        line--;
                    }
                    if (line > at) {
                        until = line;
                    } else {
                        while ((data[until] & 0xC0) == 0x80) { // not within a character
                            until--;
                        }
                    }
                }
                frames.write(header, data, at, until - at);
                at = until < end && data[until] == '\n' ? until + 1 : until;
            } while (at < end);
        }
    }
}
