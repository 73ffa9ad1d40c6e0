import { freePort, listening, run } from './processes.ts'

export interface NodeExporter {
  readonly port: number
  readonly url: string
  stop(): Promise<void>
}

/** A real prometheus-node-exporter on a free port. */
export async function startNodeExporter(): Promise<NodeExporter> {
  const port = await freePort()
  const exporter = run('/usr/bin/prometheus-node-exporter', [`--web.listen-address=127.0.0.1:${port}`])
  try {
    await listening(port, exporter)
  } catch (error) {
    await exporter.stop()
    throw error
  }
  return { port, url: `http://127.0.0.1:${port}`, stop: () => exporter.stop() }
}
