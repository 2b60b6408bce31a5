import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import opennlp.tools.doccat.BagOfWordsFeatureGenerator;
import opennlp.tools.doccat.DoccatFactory;
import opennlp.tools.doccat.DocumentCategorizerME;
import opennlp.tools.doccat.DocumentSample;
import opennlp.tools.doccat.FeatureGenerator;
import opennlp.tools.tokenize.SimpleTokenizer;
import opennlp.tools.util.ObjectStreamUtils;
import opennlp.tools.util.TrainingParameters;

/** Learns from data/messages.tsv and writes models/topics.bin: algo exec -- java Train.java */
public final class Train {
    private static final Path MESSAGES = Path.of("data", "messages.tsv");
    private static final Path MODEL = Path.of("models", "topics.bin");

    public static void main(String[] given) throws IOException {
        var samples = Files.readAllLines(MESSAGES).stream().map(line -> line.split("\t", 2))
                .map(pair -> new DocumentSample(pair[0], words(pair[1]))).toList();
        var parameters = new TrainingParameters();
        parameters.put(TrainingParameters.ITERATIONS_PARAM, 100);
        parameters.put(TrainingParameters.CUTOFF_PARAM, 0);
        parameters.put("PrintMessages", false);
        var factory = new DoccatFactory(new FeatureGenerator[] {new BagOfWordsFeatureGenerator()});
        var model = DocumentCategorizerME.train(
                "eng", ObjectStreamUtils.createObjectStream(samples), parameters, factory);
        Files.createDirectories(MODEL.getParent());
        model.serialize(MODEL);
        System.out.println("learned from " + samples.size() + " messages; wrote " + MODEL);
    }

    private static String[] words(String text) {
        return SimpleTokenizer.INSTANCE.tokenize(text.toLowerCase());
    }
}
