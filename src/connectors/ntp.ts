import { randomBytes } from 'node:crypto'
import { systemClock } from '../platform/index.ts'
import { defineConnector, type NtpClient, type NtpSeen } from '../sdk/index.ts'
import { withinReach } from './network/reach.ts'
import { hostSetting, portSetting } from './network/settings.ts'
import { hostPort } from './network/target.ts'
import { askUdp } from './network/udp.ts'
import { question, readAnswer } from './ntp/packet.ts'

/** A time server. */
export default defineConnector({
  id: 'ntp',
  title: 'NTP',
  summary: 'A time server, and by it the clock of the agent’s machine.',
  settings: {
    host: hostSetting,
    port: portSetting(123),
  },
  credentials: [],
  target: ({ host, port }) => hostPort(host, port),
  reach: async (place, signal) => void (await new TimeServer(place).ask(withinReach(signal))),
  discovery: {
    at: { udp: [123] },
    async identify(place, signal) {
      const { stratum } = await new TimeServer(place).ask(signal)
      const { host, port } = place
      return [
        {
          name: port === 123 ? 'ntp' : `ntp-${port}`,
          title: `Time server of stratum ${stratum}, port ${port}`,
          settings: port === 123 ? { host } : { host, port },
          seen: `port ${port} told the time`,
          certainty: 'identified',
        },
      ]
    },
  },
  open: (place) => new TimeServer(place),
})

class TimeServer implements NtpClient {
  readonly target: string
  readonly #place: { readonly host: string; readonly port: number }

  constructor(place: { readonly host: string; readonly port: number }) {
    this.#place = place
    this.target = hostPort(place.host, place.port)
  }

  async ask(signal: AbortSignal): Promise<NtpSeen> {
    // What the server returns as the time of the question is a number that nobody else knows, not our clock: it shows that the answer is one.
    const nonce = randomBytes(8)
    const packet = question(nonce)
    let sentAt = 0
    const send = () => {
      sentAt = systemClock.elapsed()
      return packet
    }
    const startedAt = systemClock.now()
    const begun = systemClock.elapsed()
    const clock = (elapsed: number) => startedAt + (elapsed - begun)
    return askUdp(
      this.#place,
      send,
      (answer) =>
        readAnswer(answer, nonce, { sentAt: clock(sentAt), receivedAt: clock(systemClock.elapsed()) }, this.target),
      signal,
    )
  }
}
