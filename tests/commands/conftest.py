"""Old projects are data of these tests: their own tests are not ours."""

collect_ignore = ["projects"]
