// Enter your dependencies here, using SBT syntax. Maven Central is available.
// http://search.maven.org/

libraryDependencies += "org.apache.commons" % "commons-text" % "1.8"
