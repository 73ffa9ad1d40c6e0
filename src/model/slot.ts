import { hash53 } from '../base/index.ts'

/**
 * A slot is one planned run of a task, named by its planned time in epoch milliseconds of server time: the moments
 * `phase + n · period`. The phase is derived from the task's id, so every agent and both servers compute the same slots
 * and tasks of one period spread evenly over it. A changed period starts a new series of slots.
 */
export type Slot = number

/** The offset of a task's slots from the multiples of its period, in [0, periodMs). */
export function phaseOf(taskId: string, periodMs: number): number {
  return hash53(taskId) % periodMs
}

/** The first slot at or after a moment. */
export function slotFrom(taskId: string, periodMs: number, at: number): Slot {
  const phase = phaseOf(taskId, periodMs)
  return Math.ceil((at - phase) / periodMs) * periodMs + phase
}

/** The last slot at or before a moment. */
export function slotUntil(taskId: string, periodMs: number, at: number): Slot {
  const phase = phaseOf(taskId, periodMs)
  return Math.floor((at - phase) / periodMs) * periodMs + phase
}
