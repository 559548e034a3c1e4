"""SIP as a line: the edge's half. The other half, which speaks SIP, is the gateway process in `orchestra.sip`."""
