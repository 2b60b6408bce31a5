"""How fast versions reach a registry, beside other clients."""
