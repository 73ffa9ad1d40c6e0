import { useNavigate } from '@tanstack/react-router'
import { useEffect } from 'react'

const ways = {
  o: '/',
  a: '/alarms',
  n: '/agents',
  c: '/configuration',
  p: '/plugins',
  m: '/administration',
  i: '/instance',
} as const

/** How long after `g` the second key still counts. */
const chordMs = 1_200

/** `/` goes to the page's filter; `g` and then a letter goes to a page. Silent while somebody types. */
export function useKeys(): void {
  const navigate = useNavigate()
  useEffect(() => {
    let wentAt = 0
    const onKey = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return
      const target = event.target
      if (
        target instanceof HTMLElement &&
        (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
      )
        return
      if (event.key === '/') {
        const filter = document.querySelector<HTMLInputElement>('input[data-filter]')
        if (filter === null) return
        event.preventDefault()
        filter.focus()
        filter.select()
        return
      }
      if (event.key === 'g') {
        wentAt = event.timeStamp
        return
      }
      const to = Object.hasOwn(ways, event.key) ? ways[event.key as keyof typeof ways] : undefined
      if (to !== undefined && event.timeStamp - wentAt < chordMs) {
        wentAt = 0
        void navigate({ to })
      }
    }
    window.addEventListener('keydown', onKey)
    return () => window.removeEventListener('keydown', onKey)
  }, [navigate])
}
