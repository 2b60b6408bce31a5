addSbtPlugin("com.typesafe.sbt" % "sbt-native-packager" % "1.4.1")
