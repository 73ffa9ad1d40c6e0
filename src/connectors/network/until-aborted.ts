/**
 * What `work` gives, or a rejection as soon as the signal aborts: for libraries that know no signals. The work itself goes on; whoever
 * asks ends it.
 */
export function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(new Error('stopped'))
    const settle = (act: () => void) => {
      signal.removeEventListener('abort', stop)
      act()
    }
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })
    work.then(
      (done) => settle(() => resolve(done)),
      (thrown: unknown) => settle(() => reject(thrown)),
    )
  })
}
