"""Apache Spark with Delta Lake: the Java it runs on, the process, and sessions that run SQL."""
