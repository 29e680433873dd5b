"""What owners exchange: spikes once per smallest delay, potentials at gap junctions, alarms."""
