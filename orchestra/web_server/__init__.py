"""What every web server of ours needs: its socket, limits to its connections, bearer tokens, bodies."""
