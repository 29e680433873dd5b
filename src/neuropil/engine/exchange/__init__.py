"""What owners (threads or processes) exchange: spikes once per smallest delay, potentials at gap junctions, alarms."""
