import { createSocket } from 'node:dgram'
import { throwIfEnded, type Running } from './processes.ts'

/** Waits until somebody answers to a packet, or the program that should has ended. */
export async function answering(port: number, packet: Uint8Array, by: Running): Promise<void> {
  const until = Date.now() + 60_000
  for (;;) {
    throwIfEnded(by)
    const heard = await new Promise<boolean>((resolve) => {
      const socket = createSocket('udp4')
      const settle = (answered: boolean) => {
        clearTimeout(patience)
        socket.removeAllListeners()
        socket.close()
        resolve(answered)
      }
      const patience = setTimeout(() => settle(false), 250)
      socket.once('message', () => settle(true))
      socket.once('error', () => settle(false))
      socket.connect(port, '127.0.0.1', () => socket.send(packet))
    })
    if (heard) return
    if (Date.now() > until) throw new Error(`nothing answers on port ${port}: ${by.output()}`)
    await new Promise((resolve) => setTimeout(resolve, 30))
  }
}
