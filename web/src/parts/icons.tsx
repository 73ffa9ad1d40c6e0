import type { ReactNode } from 'react'

const paths = {
  overview: 'M3 12h4l2-6 4 12 3-8 1 2h4',
  systems: 'M4 5h5v4H4zM6 9v9h5M6 13h5M14 11h6v4h-6zM14 16h6v4h-6z',
  metrics: 'M4 4v16h16M7 15l4-5 3 3 5-7',
  dashboards: 'M4 4h7v9H4zM4 16h7v4H4zM14 4h6v4h-6zM14 11h6v9h-6z',
  alarms: 'M6 17V11a6 6 0 0 1 12 0v6l1.5 2h-15zM10 21h4',
  configuration: 'M4 5h16M4 12h16M4 19h16M9 3v4M15 10v4M8 17v4',
  plugins: 'M4 12h9M9 7l5 5-5 5M15 4h5v16h-5',
  instance: 'M4 4h16v6H4zM4 14h16v6H4zM7.5 7h.01M7.5 17h.01',
  agents: 'M12 3v5M12 8l-7 5M12 8l7 5M3 13h4v4H3zM17 13h4v4h-4zM10 13h4v4h-4zM12 8v5',
  copy: 'M9 9h11v11H9zM5 15H4V4h11v1',
  check: 'M5 12l5 5 9-10',
  more: 'M12 5h.01M12 12h.01M12 19h.01',
  user: 'M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4 21c1-4 4-6 8-6s7 2 8 6',
  sun: 'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v3M12 19v3M2 12h3M19 12h3M5 5l2 2M17 17l2 2M5 19l2-2M17 7l2-2',
  moon: 'M20 14a8.5 8.5 0 0 1-10.5-10 8.5 8.5 0 1 0 10.5 10z',
  chevron: 'M9 6l6 6-6 6',
  close: 'M6 6l12 12M18 6L6 18',
  search: 'M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM16 16l5 5',
  earlier: 'M15 6l-6 6 6 6',
  wider: 'M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM16 16l5 5M8 11h6',
  play: 'M7 5l11 7-11 7z',
  remove: 'M6 6l12 12M18 6L6 18',
  up: 'M12 19V5M6 11l6-6 6 6',
  down: 'M12 5v14M6 13l6 6 6-6',
  key: 'M8 15a4 4 0 1 1 3.5-6H21v4h-3v3h-3v-3h-3.5A4 4 0 0 1 8 15zM8 11h.01',
} as const

export type IconName = keyof typeof paths

/** A line drawing beside a word; it says nothing to a screen reader, the word does. */
export function Icon({ name, size = 18 }: { name: IconName; size?: number }): ReactNode {
  return (
    <svg
      className="icon"
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.8"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      <path d={paths[name]} />
    </svg>
  )
}
