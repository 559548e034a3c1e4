"""The journal as Parquet files: written, merged, read."""
