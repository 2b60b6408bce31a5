package algorithmia.JavaRules;

import com.algorithmia.algo.AcceptsJson;
import com.algorithmia.algo.ReturnsJson;
import com.google.gson.Gson;
import com.google.gson.JsonObject;

public class JavaRules {
    @AcceptsJson
    @ReturnsJson
    public String apply(String input) {
        JsonObject rule = new Gson().fromJson(input, JsonObject.class);
        rule.addProperty("triggered", rule.get("value").getAsDouble() > 1);
        return rule.toString();
    }
}
