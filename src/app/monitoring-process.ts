import { serveMonitoringProcess } from '../agent/index.ts'
import { connectors } from '../connectors/index.ts'
import { monitors } from '../monitors/index.ts'

// What a monitoring process runs: the agent forks this module. It loads the library and nothing of the server.
serveMonitoringProcess({ monitors, connectors })
