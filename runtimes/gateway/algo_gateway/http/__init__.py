"""HTTP: routes, calls, pages and the description of the interface."""
