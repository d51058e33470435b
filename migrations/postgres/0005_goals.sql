-- Goals that users set, and how far along they are.

-- How many goals of the user are ACTIVE: whoever locks the row is told by it whether there are
-- goals to count for. It can be taken from, and what a batch adds is checked before it is added:
-- so there is no CHECK.
ALTER TABLE users ADD COLUMN active_goals bigint NOT NULL DEFAULT 0;
