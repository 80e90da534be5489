import java.io.File;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Instant;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.generic.GenericRecordBuilder;
import org.apache.avro.message.BinaryMessageEncoder;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Publishes one window of one patient. Needs only kafka-clients and avro.
 *
 * <p>Run it again with the same arguments after any failure: the batch keeps its id, and a batch id
 * is processed once.
 *
 * <pre>java -cp 'lib/*' Publish.java SCHEMA_FILE PATIENT_ID WINDOW_START</pre>
 */
public class Publish {
  static final String TOPIC = System.getenv().getOrDefault("KAFKA_TOPIC", "sensor-batches");

  /** Names what decides the content: another device or file, another source. */
  static final String SOURCE = "example-ward";

  static final UUID NAMESPACE = UUID.fromString("6f1f0a52-1f53-5c3a-9a4e-0d6c8f6a7b21");

  public static void main(String[] args) throws Exception {
    Schema schema = new Schema.Parser().parse(new File(args[0]));
    GenericRecord batch = sensorBatch(schema, args[1], Instant.parse(args[2]).toEpochMilli());
    // single-object encoding: C3 01, the schema's fingerprint, the record
    ByteBuffer encoded = new BinaryMessageEncoder<GenericRecord>(new GenericData(), schema).encode(batch);
    byte[] body = new byte[encoded.remaining()];
    encoded.get(body);
    RecordMetadata place = publish(batch, body);
    System.out.printf("batch %s is at %s partition %d offset %d%n",
        batch.get("batch_id"), TOPIC, place.partition(), place.offset());
  }

  /** The readings of the window that starts at {@code start} (UTC epoch ms). */
  static GenericRecord sensorBatch(Schema schema, String patientId, long start) throws Exception {
    Schema series = schema.getField("series").schema().getElementType();
    return new GenericRecordBuilder(schema)
        .set("batch_id", batchId(patientId, start).toString())
        .set("patient_id", patientId)
        .set("producer_id", "example")
        .set("window_start", start)
        .set("produced_at", System.currentTimeMillis())
        .set("series", List.of(
            // NaN: the sensor gave nothing at that instant
            series(series, "frequencia_cardiaca", null, "bpm", start, 1000,
                List.of(72.0, 73.5, Double.NaN, 74.0)),
            series(series, "temperatura_corporal", null, "F", start, 60_000, List.of(98.6)),
            series(series, "pressao_arterial", "sistolica", "mmHg", start, 60_000, List.of(121.0)),
            series(series, "pressao_arterial", "diastolica", "mmHg", start, 60_000, List.of(79.0))))
        .build();
  }

  /** Regularly spaced values; value i was measured at start + i * intervalMs. */
  static GenericRecord series(Schema schema, String sensor, String component, String unit,
      long start, int intervalMs, List<Double> values) {
    return new GenericRecordBuilder(schema)
        .set("sensor", sensor)
        .set("component", component)
        .set("unit", unit)
        .set("start", start)
        .set("interval_ms", intervalMs)
        .set("values", values)
        .build();
  }

  /** Follows from the content, and begins with the time (RFC 9562, version 8). */
  static UUID batchId(String patientId, long start) throws Exception {
    MessageDigest sha1 = MessageDigest.getInstance("SHA-1");
    sha1.update(ByteBuffer.allocate(16)
        .putLong(NAMESPACE.getMostSignificantBits())
        .putLong(NAMESPACE.getLeastSignificantBits())
        .array());
    String name = SOURCE + "\n" + patientId + "\n" + start;
    ByteBuffer digest = ByteBuffer.wrap(sha1.digest(name.getBytes(StandardCharsets.UTF_8)));
    long high = start << 16 | 0x8000L | digest.getLong() & 0xFFFL;
    long low = digest.getLong() & 0x3FFFFFFFFFFFFFFFL | 0x8000000000000000L;
    return new UUID(high, low);
  }

  /** Adds the two headers that prove who sent it: HMAC-SHA256 with the key in our key file. */
  static void sign(ProducerRecord<String, byte[]> record) throws Exception {
    String[] key = Files.readString(Path.of(System.getenv("BATCH_KEY_PATH"))).split("\\s+");
    Mac mac = Mac.getInstance("HmacSHA256");
    mac.init(new SecretKeySpec(HexFormat.of().parseHex(key[1]), "HmacSHA256"));
    // message key, three headers that we do not send, value: each after its length
    byte[] patientId = record.key().getBytes(StandardCharsets.UTF_8);
    byte[] none = new byte[0];
    for (byte[] part : List.of(patientId, none, none, none, record.value())) {
      mac.update(ByteBuffer.allocate(4).putInt(part.length).array());
      mac.update(part);
    }
    record.headers().add("signed-by", key[0].getBytes(StandardCharsets.UTF_8));
    String code = HexFormat.of().formatHex(mac.doFinal());
    record.headers().add("signature", code.getBytes(StandardCharsets.UTF_8));
  }

  /** Where the broker is and how to log in there, as `vitals env --as gateway` sets it. */
  static Map<String, Object> connection() throws Exception {
    Map<String, String> given = System.getenv();
    Map<String, Object> settings = new HashMap<>();
    settings.put("bootstrap.servers", given.get("KAFKA_BOOTSTRAP_SERVERS"));
    if ("SASL_SSL".equals(given.get("KAFKA_SECURITY_PROTOCOL"))) {
      String password = Files.readString(Path.of(given.get("KAFKA_SASL_PASSWORD_FILE"))).strip();
      settings.put("security.protocol", "SASL_SSL");
      settings.put("sasl.mechanism", "SCRAM-SHA-512");
      settings.put(
          "sasl.jaas.config",
          String.format(
              "org.apache.kafka.common.security.scram.ScramLoginModule required"
                  + " username=\"%s\" password=\"%s\";",
              given.get("KAFKA_SASL_USERNAME"), password));
      settings.put("ssl.truststore.type", "PEM");
      settings.put("ssl.truststore.location", given.get("KAFKA_SSL_CA"));
    }
    return settings;
  }

  /** Returns the acknowledged message's place; throws where Kafka did not take it: run it again. */
  static RecordMetadata publish(GenericRecord batch, byte[] body) throws Exception {
    Map<String, Object> settings = connection();
    settings.put("acks", "all");
    settings.put("enable.idempotence", true);
    String patientId = batch.get("patient_id").toString();
    ProducerRecord<String, byte[]> record = new ProducerRecord<>(TOPIC, patientId, body);
    Map<String, Object> headers = Map.of(
        "content-type", "avro/binary",
        "schema", "SensorBatch",
        "schema-version", "1",
        "batch-id", batch.get("batch_id"),
        "producer-id", batch.get("producer_id"));
    headers.forEach((name, value) ->
        record.headers().add(name, value.toString().getBytes(StandardCharsets.UTF_8)));
    sign(record);
    try (KafkaProducer<String, byte[]> producer =
        new KafkaProducer<>(settings, new StringSerializer(), new ByteArraySerializer())) {
      return producer.send(record).get();
    }
  }
}
