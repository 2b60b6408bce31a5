"""The software bill of materials of an image: what it holds, in CycloneDX."""
