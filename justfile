# Habits of this project, one command each: `uvx --from rust-just just`, or `just` where it is installed.
# The lanes are given to tests by what they use: tests/conftest.py.

pytest := "uv run --group test pytest"
standing := "not stress and not benchmark"

# The quick lane: everything that needs no Spark, no other process and no checker.
test *arguments:
    {{pytest}} -m "not spark and not meltano and not process and not style and {{standing}}" {{arguments}}

# What runs against the warehouse sandbox.
test-spark *arguments:
    {{pytest}} -m "spark and {{standing}}" {{arguments}}

# What runs the real Meltano.
test-meltano *arguments:
    {{pytest}} -m "meltano and {{standing}}" {{arguments}}

# What starts commands, kills them, or serves.
test-process *arguments:
    {{pytest}} -m "process and not meltano and not spark and {{standing}}" {{arguments}}

# Formatter, linter, type checker.
check:
    {{pytest}} -n 0 -m style

# All of it: what README and CI run.
all *arguments:
    {{pytest}} {{arguments}}

# Slow runs that try to break things.
stress *arguments:
    {{pytest}} -m stress {{arguments}}

# Ratios against a yardstick; wants a quiet machine.
bench *arguments:
    {{pytest}} -n 0 -m benchmark -s tests/benchmarks {{arguments}}

# Format and mend what the linter can mend.
fix:
    uv run --group test ruff format
    uv run --group test ruff check --fix
