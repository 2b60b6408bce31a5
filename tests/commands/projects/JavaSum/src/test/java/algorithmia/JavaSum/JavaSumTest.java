package algorithmia.JavaSum;

import junit.framework.Test;
import junit.framework.TestCase;
import junit.framework.TestSuite;

public class JavaSumTest extends TestCase {
    public JavaSumTest(String testName) {
        super(testName);
    }

    public static Test suite() {
        return new TestSuite(JavaSumTest.class);
    }

    public void testJavaSum() throws Exception {
        JavaSum algorithm = new JavaSum();
        assertEquals(algorithm.apply("Bob"), "Hello Bob");
    }
}
