"""What holds bytes by key: folders, object stores, memory; and backends over others."""
