import { ByteReader, ByteWriter } from '../base/index.ts'
import { Histogram } from './histogram.ts'
import { DayLedger } from './ledger.ts'

/** What is kept of one task in one day, however many results are: how its slots ended, and how long its runs took. */
export class TaskDay {
  readonly ledger: DayLedger
  readonly durations: Histogram
  /** How long after its slot each run began. */
  readonly delays: Histogram

  constructor(ledger = new DayLedger(), durations = new Histogram(), delays = new Histogram()) {
    this.ledger = ledger
    this.durations = durations
    this.delays = delays
  }

  encode(start: number): Uint8Array {
    const out = new ByteWriter()
    this.ledger.encode(out, start)
    this.durations.encode(out)
    this.delays.encode(out)
    return out.done()
  }

  static decode(start: number, bytes: Uint8Array): TaskDay {
    const from = new ByteReader(bytes)
    return new TaskDay(DayLedger.decode(from, start), Histogram.decode(from), Histogram.decode(from))
  }
}
