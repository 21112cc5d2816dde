/** When a figure repaints: at once in sight, later out of it. */
import type { Change } from './store';

/**
 * Holds repainting back for what is out of sight, so that hovering costs what is on screen. What was held back is told
 * once the element comes into view, or soon after the last change: no figure stays behind for long.
 */
export class Patience {
  /** Null while the page is not shown: the first change measures, and what is in sight is in the first picture. */
  private visible: boolean | null = true;
  private readonly held = new Set<Change>();
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly element: HTMLElement,
    private readonly tell: (changes: ReadonlySet<Change>) => void,
  ) {
    if (typeof IntersectionObserver === 'function') {
      this.visible = null;
      const observer = new IntersectionObserver(
        ([entry]) => {
          if (entry !== undefined) {
            this.visible = entry.boundingClientRect.height === 0 ? null : entry.isIntersecting;
          }
          if (this.visible === true) {
            this.release();
          }
        },
        { rootMargin: `${SIGHT_MARGIN}px` },
      );
      observer.observe(element);
    }
  }

  changed(changes: ReadonlySet<Change>): void {
    for (const change of changes) {
      this.held.add(change);
    }
    this.visible ??= this.isInSight();
    if (this.visible) {
      this.release();
    } else {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.release(), SETTLED_MS);
    }
  }

  private isInSight(): boolean {
    const { top, bottom, height } = this.element.getBoundingClientRect();
    return height > 0 && top < window.innerHeight + SIGHT_MARGIN && bottom > -SIGHT_MARGIN;
  }

  /** Tells what was held back, in sight or not. */
  release(): void {
    clearTimeout(this.timer);
    if (this.held.size > 0) {
      const changes = new Set(this.held);
      this.held.clear();
      this.tell(changes);
    }
  }
}

/** A selection at rest this long is shown everywhere. */
const SETTLED_MS = 120;
/** What is this close to the window counts as in sight, px. */
const SIGHT_MARGIN = 100;
