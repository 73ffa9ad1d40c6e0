import { randomUUID } from 'node:crypto'
import { FarwatchError, type Clock } from '../base/index.ts'
import { readDiscovered, readReached, readRunResult, type Command, type CommandOrder, type Reply } from './protocol.ts'

interface Waiting {
  readonly command: Command
  /** It came: the agent named it in a poll. */
  isReceived: boolean
  nextPart: number
  readonly onText: (text: string) => void
  settle(reply: Reply): void
  fail(reason: FarwatchError): void
}

const mostWaiting = 200

/**
 * What one agent was asked and has not answered yet. A command is sent with every poll until the agent names it as received; it knows
 * those that it has seen, so that none is done twice.
 */
export class Commands {
  readonly #clock: Clock
  readonly #waiting = new Map<string, Waiting>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get hasNew(): boolean {
    return [...this.#waiting.values()].some(({ isReceived }) => !isReceived)
  }

  /** For the next answer to a poll. */
  pending(): readonly Command[] {
    return [...this.#waiting.values()].filter(({ isReceived }) => !isReceived).map(({ command }) => command)
  }

  received(ids: readonly string[]): void {
    for (const id of ids) {
      const waiting = this.#waiting.get(id)
      if (waiting !== undefined) waiting.isReceived = true
    }
  }

  /**
   * @param onText gets the parts of an answer that consists of text, in order
   * @returns the command's result. @throws FarwatchError `unreachable` where none came in time, `overloaded`, or what the agent said
   */
  order(order: CommandOrder, timeoutMs: number, onText: (text: string) => void): Promise<unknown> {
    if (this.#waiting.size >= mostWaiting)
      return Promise.reject(new FarwatchError('overloaded', `the agent has ${mostWaiting} commands to answer already`))
    const id = randomUUID()
    return new Promise((resolve, reject) => {
      const end = () => {
        cancel()
        this.#waiting.delete(id)
      }
      const cancel = this.#clock.after(timeoutMs, () => {
        end()
        reject(new FarwatchError('unreachable', `the agent did not answer ${order.is} in time`))
      })
      this.#waiting.set(id, {
        // The union's members lost their ids one by one and get them back so.
        command: { ...order, id } as Command,
        isReceived: false,
        nextPart: 0,
        onText,
        settle: ({ result, problem }) => {
          end()
          if (problem === undefined) resolve(result)
          else reject(new FarwatchError('conflict', `the agent could not do ${order.is}: ${problem.message}`))
        },
        fail: (reason) => {
          end()
          reject(reason)
        },
      })
    })
  }

  /** @throws FarwatchError `not-found` for a command nobody waits for, `bad-request`, `conflict` for a part out of turn */
  reply(reply: Reply): void {
    const waiting = this.#waiting.get(reply.command)
    if (waiting === undefined)
      throw new FarwatchError('not-found', 'nobody waits for the answer of this command any more')
    // It was repeated because our answer was lost.
    if (reply.part < waiting.nextPart) return
    if (reply.part > waiting.nextPart)
      throw new FarwatchError('conflict', `part ${reply.part} of the answer came where ${waiting.nextPart} was due`)
    try {
      if (reply.last && reply.problem === undefined) checkResult(waiting.command, reply.result)
    } catch (thrown) {
      if (thrown instanceof FarwatchError) waiting.fail(thrown)
      throw thrown
    }
    waiting.nextPart++
    if (reply.text !== undefined) waiting.onText(reply.text)
    if (reply.last) waiting.settle(reply)
  }

  end(reason: FarwatchError): void {
    for (const waiting of this.#waiting.values()) waiting.fail(reason)
  }
}

function checkResult(command: Command, result: unknown): void {
  if (command.is === 'run-now' || command.is === 'check') readRunResult(result)
  if (command.is === 'reach') readReached(result)
  if (command.is === 'discover') readDiscovered(result)
}
