"""A marketplace for GPUs that behaves like Vast.ai's REST API, also where that is unpleasant.

`market.Market` is all of it without sockets: one request in, one answer out, on a clock that is passed in.
`transport.MarketTransport` puts it behind an httpx client, `server.MarketServer` (`python -m tests.simulators.vast`)
behind a port.
"""
