module github.com/clusterflow/clusterflow/test/pause

go 1.26.0
