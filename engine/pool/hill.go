package pool

// probe climbs the hill.
func (c *climb) probe(e *epoch, full bool) (why string) {
	if !full {
		if c.step == goingUp || c.step == goingDown {
			c.slots, why = c.from, "no longer asked for"
			c.pause = min(2*c.pause, lastPause)
		}
		c.step, c.sum = resting, epoch{}
		return why
	}
	if c.step == resting {
		if c.idle++; c.idle < c.pause {
			return ""
		}
		c.step, c.sum = measuring, epoch{}
		return ""
	}
	// The first epoch after a step still has the answers of before.
	if c.settled {
		c.settled = false
		return ""
	}
	c.sum.add(e)
	if c.sum.answers < probeAnswers && c.sum.span < longEpoch || c.sum.span < 2*shortEpoch {
		return ""
	}
	g := c.sum.goodput()
	occupied := c.occupied(e)
	c.sum = epoch{}
	switch c.step {
	case measuring:
		c.base, c.from = g, c.slots
		if !occupied && c.slots < c.most {
			c.stride = stride
			return c.tryMore("trying more")
		}
		return c.tryLess()
	case goingUp:
		// What a step of another size must gain is in proportion.
		if g >= (1+(worthUp-1)*c.stride/stride)*c.base {
			c.base, c.from, c.pause = g, c.slots, firstPause
			if c.slots == c.most || occupied {
				c.rest(hill)
				return ""
			}
			c.stride = min(2*stride, 2*c.stride)
			return c.tryMore("more brings more")
		}
		c.slots = c.from
		return c.tryLess()
	default: // goingDown
		if g >= worthDown*c.base {
			// What is as good with less is kept; the base stays, so that many
			// small losses do not add up.
			c.from, c.pause = c.slots, firstPause
			return c.tryLess()
		}
		c.slots = c.from
		c.pause = min(2*c.pause, lastPause)
		c.rest(hill)
		return "less brings less"
	}
}

func (c *climb) tryMore(why string) string {
	return c.try(goingUp, min(c.most, c.slots+max(1, int(c.stride*float64(c.slots)))), why)
}

func (c *climb) tryLess() string {
	least := min(leastSlots, c.most)
	if c.slots <= least {
		c.pause = min(2*c.pause, lastPause)
		c.rest(hill)
		if c.slots == c.epoch.slots {
			return ""
		}
		return "more brings nothing"
	}
	return c.try(goingDown, max(least, c.slots-max(1, int(stride/2*float64(c.slots)))), "trying less")
}

func (c *climb) try(s step, slots int, why string) string {
	c.step, c.slots, c.settled = s, slots, true
	return why
}
