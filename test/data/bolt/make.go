// Makes the databases of this folder with the real library. On Debian, with golang-go and
// golang-github-coreos-bbolt-dev: GO111MODULE=off GOPATH=/usr/share/gocode go run make.go
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	bolt "go.etcd.io/bbolt"
)

func fill(bucket *bolt.Bucket, values map[string]interface{}) {
	for key, value := range values {
		// A path ends in "/" where its value is a table again.
		if strings.HasSuffix(key, "/") {
			child, err := bucket.CreateBucketIfNotExists([]byte(strings.TrimSuffix(key, "/")))
			check(err)
			fill(child, value.(map[string]interface{}))
			continue
		}
		text, err := json.Marshal(value)
		check(err)
		check(bucket.Put([]byte(key), text))
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func create(name string, use func(tx *bolt.Tx) error) {
	os.Remove(name)
	db, err := bolt.Open(name, 0644, nil)
	check(err)
	check(db.Update(use))
	check(db.Close())
}

func main() {
	text, err := os.ReadFile("advisories.json")
	check(err)
	var records map[string]map[string]interface{}
	check(json.Unmarshal(text, &records))
	create("trivy.db", func(tx *bolt.Tx) error {
		for name, values := range records {
			bucket, err := tx.CreateBucketIfNotExists([]byte(name))
			check(err)
			fill(bucket, values)
		}
		return nil
	})
	// Several levels of pages, and values that need several pages.
	create("large.db", func(tx *bolt.Tx) error {
		bucket, err := tx.CreateBucket([]byte("many"))
		check(err)
		for i := 0; i < 5000; i++ {
			check(bucket.Put([]byte(fmt.Sprintf("key %05d", i)), []byte(fmt.Sprintf("%d", i*i))))
		}
		wide, err := tx.CreateBucket([]byte("wide"))
		check(err)
		for i := 0; i < 20; i++ {
			check(wide.Put([]byte(fmt.Sprintf("%d", i)), []byte(strings.Repeat("x", i*3000))))
		}
		_, err = tx.CreateBucket([]byte("empty"))
		return err
	})
}
