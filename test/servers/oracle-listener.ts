import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import type { MadeCertificate } from './certificates.ts'

export interface OracleListener {
  readonly port: number
  /** What clients asked to be connected with. */
  readonly asked: readonly string[]
  stop(): Promise<void>
}

const connect = 1
const refuse = 4

/**
 * A listener that speaks Oracle's network protocol as far as saying no: no package brings a database, and what comes after a listener has
 * handed over is the database's. It says its version to who asks for it, and refuses everybody else with `error`.
 */
export async function startOracleListener(options: {
  readonly error: number
  readonly certificate?: MadeCertificate
}): Promise<OracleListener> {
  const sockets = new Set<Socket>()
  const asked: string[] = []
  const accept = (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
    let received = Buffer.alloc(0)
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
      if (received.length < 8 || received.length < received.readUInt16BE(0) || received[4] !== connect) return
      const wanted = received.toString('latin1', received.readUInt16BE(26))
      asked.push(wanted)
      const said = /COMMAND=version/.test(wanted)
        ? '(DESCRIPTION=(TMP=)(VSNNUM=318767104)(ERR=0))'
        : `(DESCRIPTION=(TMP=)(VSNNUM=318767104)(ERR=${options.error})(ERROR_STACK=(ERROR=(CODE=${options.error})(EMFI=4))))`
      socket.end(refusal(said))
    })
  }
  const server =
    options.certificate === undefined
      ? createServer(accept)
      : createTlsServer({ cert: options.certificate.certificate, key: options.certificate.key }, accept)
  server.on('tlsClientError', () => undefined)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    // A server on a port has an address of this kind.
    port: (server.address() as AddressInfo).port,
    asked,
    async stop() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

function refusal(said: string): Buffer {
  const packet = Buffer.alloc(12 + said.length)
  packet.writeUInt16BE(packet.length, 0)
  packet[4] = refuse
  packet[8] = 0x22
  packet.writeUInt16BE(said.length, 10)
  packet.write(said, 12, 'latin1')
  return packet
}
