// Package house breaks the order of its families.
package house
