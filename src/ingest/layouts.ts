import type { PackedLayout } from './packed-upload.ts'
import type { SampleDefinition, SampleSink } from './sample-sink.ts'
import type { Task } from './task-book.ts'

export interface Layout {
  readonly task: Task
  /** How many samples a run has. */
  readonly count: number
  /** What they are; none any more where all of them are known to be of a series, which says the same: of 30,000 they took 4 MiB. */
  samples: readonly SampleDefinition[]
  readonly unkept: readonly number[]
  /** Filled in when it is first used, in the transaction that stores what it is used for. */
  series?: LayoutSeries
}

interface LayoutSeries {
  /** Below 0 where there is none. */
  readonly numbers: Int32Array<ArrayBuffer>
  readonly refused: number
  /** The samples without a series, with a text that is the same for the same definition in all layouts. */
  readonly loose: readonly { readonly place: number; readonly key: string }[]
}

/** The far end of the packer's layouts: which series the samples of a task's results belong to. */
export class Layouts {
  readonly #samples: SampleSink
  readonly #known = new Map<number, Layout>()

  constructor(samples: SampleSink) {
    this.#samples = samples
  }

  add({ number, samples, unkept }: PackedLayout, task: Task): void {
    this.#known.set(number, { task, count: samples.length, samples, unkept })
  }

  of(number: number): Layout {
    const layout = this.#known.get(number)
    if (layout === undefined) throw new Error(`layout ${number} is not known`)
    return layout
  }

  drop(numbers: readonly number[]): void {
    for (const number of numbers) this.#known.delete(number)
  }

  clear(): void {
    this.#known.clear()
  }

  seriesOf(layout: Layout, at: number): LayoutSeries {
    if (layout.series === undefined) {
      layout.series = this.#resolved(layout, at)
      if (layout.series.loose.length === 0) layout.samples = []
    }
    return layout.series
  }

  #resolved({ task, samples, unkept }: Layout, at: number): LayoutSeries {
    const apart = new Set(unkept)
    const kept = [...samples.keys()].filter((place) => !apart.has(place))
    const resolved = this.#samples.resolve(
      task.id,
      task.connector,
      kept.map((place) => samples[place]!),
      at,
    )
    const numbers = new Int32Array(samples.length).fill(-1)
    kept.forEach((place, i) => (numbers[place] = resolved[i]!))
    const places = [...samples.keys()].filter((place) => numbers[place]! < 0)
    return {
      numbers,
      refused: places.length - unkept.length,
      loose: places.map((place) => ({ place, key: JSON.stringify(samples[place]) })),
    }
  }
}
