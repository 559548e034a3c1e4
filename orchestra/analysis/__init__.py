"""SQL over the archive: views, exports, the report and its plots."""
