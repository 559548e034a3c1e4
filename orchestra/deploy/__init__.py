"""Files with which the whole system is deployed: for Docker Compose, and for Kubernetes.

`roles` says what runs and which secrets each process gets, `proxy` what the public may reach; `compose` and
`kubernetes` write both down as their engines read it. Nothing here starts anything or reads a secret.
"""
