import { useNavigate } from '@tanstack/react-router'
import { useEffect } from 'react'

const ways = {
  o: '/',
  s: '/systems',
  a: '/alarms',
  m: '/explore',
  d: '/dashboards',
  n: '/agents',
  c: '/configuration',
  p: '/plugins',
  u: '/administration',
  i: '/instance',
} as const

/** How long after `g` the second key still counts. */
const chordMs = 1_200

/**
 * `/` goes to the page's filter, or opens the palette where there is none; `g` and then a letter goes to a page; Ctrl or Cmd with K opens
 * the palette. But for the last, silent while somebody types.
 */
export function useKeys(openPalette: () => void): void {
  const navigate = useNavigate()
  useEffect(() => {
    let wentAt = 0
    const onKey = (event: KeyboardEvent): void => {
      if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === 'k') {
        event.preventDefault()
        openPalette()
        return
      }
      if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return
      const target = event.target
      if (
        target instanceof HTMLElement &&
        (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
      )
        return
      if (event.key === '/') {
        const filter = document.querySelector<HTMLInputElement>('input[data-filter]')
        event.preventDefault()
        if (filter === null) return openPalette()
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
  }, [navigate, openPalette])
}
