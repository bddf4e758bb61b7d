"""Who is a member through earlier syncs: a table of `_key` and `_confirmed`, in a folder that Spark reads and writes.

A run writes a new version before it sends (`begin`: whom it may add, unconfirmed) and another afterwards (`end`: what was confirmed). A
version counts once it is whole; earlier ones stay for whoever tidies up. One run at a time.
"""

from pyspark.sql import functions as F


class State:
    def __init__(self, spark, folder):
        self.spark, self.folder = spark, folder

    def versions(self):
        """The numbers of whole versions. Spark writes `_SUCCESS` last."""
        hadoop = self.spark.sparkContext._jvm.org.apache.hadoop.fs
        root = hadoop.Path(self.folder)
        files = root.getFileSystem(self.spark.sparkContext._jsc.hadoopConfiguration())
        if not files.exists(root):
            return []
        names = [entry.getPath().getName() for entry in files.listStatus(root)]
        whole = [name for name in names if name.isdigit() and files.exists(hadoop.Path(f"{self.folder}/{name}/_SUCCESS"))]
        return sorted(int(name) for name in whole)

    def read(self):
        """The last version; an empty table where there is none: a first sync removes nobody."""
        versions = self.versions()
        if versions:
            return self.spark.read.parquet(f"{self.folder}/{versions[-1]}")
        return self.spark.createDataFrame([], "_key string, _confirmed boolean")

    def begin(self, known, added):
        unconfirmed = added.distinct().join(known, "_key", "left_anti").withColumn("_confirmed", F.lit(False))
        self._write(known.unionByName(unconfirmed))

    def end(self, outcomes, removed):
        """Members as they are confirmed: those delivered now, and those of before without whom was removed."""
        known = self.read()
        delivered = outcomes.where("_outcome = 'delivered'").select("_key").distinct().withColumn("_confirmed", F.lit(True))
        rest = known.join(delivered, "_key", "left_anti")
        if removed is not None:
            rest = rest.join(removed.where("_outcome = 'delivered'").select("_key"), "_key", "left_anti")
        self._write(rest.unionByName(delivered))

    def _write(self, members):
        # A part of a version that a run left behind when it died is written over.
        number = (self.versions() or [0])[-1] + 1
        members.write.mode("overwrite").parquet(f"{self.folder}/{number}")
