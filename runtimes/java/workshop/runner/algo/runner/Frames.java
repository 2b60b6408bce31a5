package algo.runner;

import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/** Frames on two pipes: two lengths, a JSON header, a body of bytes (../README.md). */
final class Frames {
    private static final int LENGTHS = 12;
    private static final int MAX_HEADER = 1 << 20;
    private static final long MAX_BODY = 1L << 34;
    private static final int SMALL = 1 << 16; // what is copied to be written at once
    private static final byte[] NOTHING = {};

    private final DataInputStream source;
    private final OutputStream sink;

    Frames(InputStream source, OutputStream sink) {
        this.source = new DataInputStream(new BufferedInputStream(source, SMALL));
        this.sink = sink;
    }

    /** Requests are readable at descriptor 3, replies writable at 4; Java opens no others by number. */
    static Frames ofPipes() throws IOException {
        return new Frames(new FileInputStream("/proc/self/fd/3"), new FileOutputStream("/proc/self/fd/4"));
    }

    /**
     * Wait for the next frame.
     *
     * @throws EOFException The pipe is closed.
     * @throws ProtocolError It is no frame.
     */
    Frame read() throws IOException {
        var lengths = ByteBuffer.wrap(exactly(LENGTHS)).order(ByteOrder.LITTLE_ENDIAN);
        long head = Integer.toUnsignedLong(lengths.getInt());
        long body = lengths.getLong();
        if (head > MAX_HEADER || body < 0 || body > MAX_BODY) {
            throw new ProtocolError("a frame of " + head + " and " + body + " bytes is too large");
        }
        Object header;
        try {
            header = Json.parse(new String(exactly((int) head), StandardCharsets.UTF_8));
        } catch (Problem error) {
            throw new ProtocolError("a header is no JSON");
        }
        if (!(header instanceof Map<?, ?> named) || !(named.get("type") instanceof String)) {
            throw new ProtocolError("a header has no type");
        }
        @SuppressWarnings("unchecked") // JSON has no other keys
        var fields = (Map<String, Object>) named;
        if (body > Integer.MAX_VALUE - 8) {
            source.skipNBytes(body);
            return new Frame(fields, null);
        }
        return new Frame(fields, exactly((int) body));
    }

    private byte[] exactly(int count) throws IOException {
        byte[] found = source.readNBytes(count);
        if (found.length < count) {
            throw new EOFException();
        }
        return found;
    }

    void write(Map<String, ?> header) {
        write(header, NOTHING, 0, 0);
    }

    void write(Map<String, ?> header, byte[] body) {
        write(header, body, 0, body.length);
    }

    /** Write a frame; waits while the pipe is full. Ends the process when the gateway is gone. */
    synchronized void write(Map<String, ?> header, byte[] body, int offset, int length) {
        byte[] head = JsonWriter.write(header, null).getBytes(StandardCharsets.UTF_8);
        boolean together = length <= SMALL;
        var first = ByteBuffer.allocate(LENGTHS + head.length + (together ? length : 0))
                .order(ByteOrder.LITTLE_ENDIAN).putInt(head.length).putLong(length).put(head);
        if (together) {
            first.put(body, offset, length);
        }
        try {
            sink.write(first.array());
            if (!together) {
                sink.write(body, offset, length);
            }
        } catch (IOException error) {
            Runtime.getRuntime().halt(0);
        }
    }

    /** A header and a body, null for one that no array of Java's can hold. */
    record Frame(Map<String, Object> header, byte[] body) {
        String type() {
            return (String) header.get("type");
        }

        long id() {
            return number("id");
        }

        long number(String name) {
            return header.get(name) instanceof Number number ? number.longValue() : 0;
        }
    }

    /** What came is not of the protocol. */
    static final class ProtocolError extends RuntimeException {
        ProtocolError(String message) {
            super(message);
        }
    }
}
