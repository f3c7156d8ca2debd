"""The books of the sandbox's organisations: what they hold and how they go on."""
