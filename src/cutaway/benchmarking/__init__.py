"""How fast is an engine on this machine? What `cutaway bench` and `benchmarks/engine` share.

The engines run in processes of their own (:mod:`cutaway.benchmarking.workers`), in turn, on the
same weights; what they reach stands beside what the machine's memory would allow. Workers also run
in environments that have no torch and nothing of ours, so no module here imports either at once.
"""
