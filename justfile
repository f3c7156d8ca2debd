# Habits of this project, one command each: `uvx --from rust-just just`, or `just` where it is installed.
# The lanes are given to tests by what they use: tests/conftest.py.

pytest := "uv run --group test pytest"
standing := "not stress and not benchmark"
newest := "build/newest"
pins := "uv pip compile - --quiet --no-config --upgrade --universal --python-version 3.11 --no-header --no-annotate --output-file tests/orchestrators"
everything := "--all-packages --all-groups --all-extras --no-emit-workspace --no-annotate --no-header --quiet"
quick := "not spark and not meltano and not process and not style and not fuzz and not long and " + standing

# The quick lane: everything that needs no Spark, no other process and no checker, and no long look.
test *arguments:
    {{pytest}} -m "{{quick}}" {{arguments}}

# The quick lane on the lowest and on the highest Python of `requires-python`.
test-pythons lowest="3.11" highest="3.14" *arguments:
    uv run --isolated --python {{lowest}} --group test pytest -m "{{quick}}" {{arguments}}
    uv run --isolated --python {{highest}} --group test pytest -m "{{quick}}" {{arguments}}

# In an environment of its own, whatever is pinned and pre-releases too: the SDK's suites, its private
# names that we use, and the demo, with the newest singer-sdk and Meltano within reach.
test-newest *arguments:
    uv venv --quiet --clear {{newest}}
    uv pip install --quiet --no-config --python {{newest}} --group test -e 'tap-xero[sandbox,webhooks]' -e target-databricks -e plugins/databricks-sandbox -e plugins/tap-databricks
    uv pip install --no-config --python {{newest}} --upgrade --prerelease allow singer-sdk meltano
    {{newest}}/bin/python -m pytest -n 0 {{arguments}} tests/test_private_sdk.py tests/tap_xero/test_standard.py tests/target_databricks/test_sdk_standard.py tests/tap_databricks/test_standard.py tests/end_to_end/test_ecosystem.py -k "not spark and (not ecosystem or the_demo)"

# Many instants, stories and examples: crash points, outages, edits between two calls.
test-long *arguments:
    {{pytest}} -m "long and not spark and not process and {{standing}}" {{arguments}}

# What runs against the warehouse sandbox.
test-spark *arguments:
    {{pytest}} -m "spark and {{standing}}" {{arguments}}

# The same in an account as new ones are today: no ANSI mode, a cold start, volumes like S3.
test-cloud *arguments:
    {{pytest}} -m "spark and {{standing}}" --databricks-profile cloud {{arguments}}

# What runs the real Meltano.
test-meltano *arguments:
    {{pytest}} -m "meltano and {{standing}}" {{arguments}}

# What starts commands, kills them, or serves.
test-process *arguments:
    {{pytest}} -m "process and not meltano and not spark and not fuzz and {{standing}}" {{arguments}}

# Formatter, linter, type checker, Meltano's schema of meltano.yml.
check:
    {{pytest}} -n 0 -m style

# All of it: what README and CI run.
all *arguments:
    {{pytest}} {{arguments}}

# Slow runs that try to break things.
stress *arguments:
    {{pytest}} -m stress --hypothesis-profile=thorough {{arguments}}

# Airflow and Dagster, each in an environment of its own, run the demo as the site says.
orchestrators *arguments:
    {{pytest}} -n 0 -m "stress or not stress" {{arguments}} tests/test_orchestrators.py

# The newest of both for the lowest Python and up, exactly pinned.
orchestrator-pins:
    echo apache-airflow | {{pins}}/airflow.txt
    echo dagster | {{pins}}/dagster.txt

# Ten thousand stories of business that goes on while the tap reads and is killed.
business *arguments:
    {{pytest}} -m "stress or not stress" {{arguments}} tests/tap_xero/test_business.py

# Hostile streams against a model of the tables: `just fuzz --streams 20000`, `just fuzz --seed 7`.
fuzz *arguments:
    {{pytest}} -m "fuzz and {{standing}}" {{arguments}} tests/target_databricks/fuzz

# Ratios against a yardstick; wants a quiet machine.
bench *arguments:
    {{pytest}} -n 0 -m benchmark -s tests/benchmarks {{arguments}}

# Known faults of what is pinned: asks osv.dev.
audit *arguments:
    uv audit --preview-features audit {{arguments}}

# The same without a network, and of the lower bounds too: `just audit-offline all.zip`, osv.dev's archive.
audit-offline database:
    uv run python plugins/tools/audit.py {{database}}

# The files that the pins stand for, by their hashes; after a pin was changed.
hashes:
    uv export {{everything}} --output-file hashes.txt

# Whether the index has the same files still: then `uv sync --locked` installs these and no others.
verify:
    uv lock --quiet
    uv export {{everything}} | diff hashes.txt -

# Meltano's definitions, the tables of settings, the site's references of tables: from what the plugins say.
define:
    uv run python plugins/tools/define.py
    uv run python plugins/tools/tables.py

# The documentation site, into build/site; without a network. `just docs serve` shows it while you write.
docs command="build" *options:
    NO_MKDOCS_2_WARNING=1 uv run --group docs mkdocs {{command}} --config-file docs/mkdocs.yml {{options}}

# All packages in a new version, into `dist`: `just release 0.2.0 https://git.example.com/books/xero-to-databricks`.
release version url *options:
    uv run python plugins/tools/release.py {{version}} {{url}} {{options}}

# Format and mend what the linter can mend.
fix:
    uv run --group test ruff format
    uv run --group test ruff check --fix
